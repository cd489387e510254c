"""Whether what was accepted is loaded: asks the service about receipts, and maps failures back to rows."""
