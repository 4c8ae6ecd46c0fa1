"""What people read: documents laid out from templates of the package, in French and English."""
