"""What readers of all vendors share: files as rows, cells as values and their bounds."""
