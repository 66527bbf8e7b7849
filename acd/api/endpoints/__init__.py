"""The routes by subject. Each module holds its handlers and its ROUTES."""
