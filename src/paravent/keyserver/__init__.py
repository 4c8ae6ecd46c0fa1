"""A key server: holds one share per insurer and epoch, witnesses every opening, knows no person."""
