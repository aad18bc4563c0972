"""The app's tabs and widgets; callbacks are plain typed functions that run without a browser."""
