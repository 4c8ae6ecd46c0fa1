"""The only NIR and the only dioptres of the code base: imported by insurer, desk and drill alone."""
