"""The hub: keeps sealed rows, decides claims on entitlements, knows no person."""
