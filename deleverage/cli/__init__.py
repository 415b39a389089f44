"""The command line: arguments in, views of results out; nothing is calculated here."""
