"""The API described: an OpenAPI document made from the collections and the routes, and a page that shows it."""
