"""The screens' common ground: layout, catalogue of texts, forms, charts and headers; no party's logic."""
