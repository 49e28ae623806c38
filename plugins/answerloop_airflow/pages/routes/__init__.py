"""The pages, one module each: a route reads what its page shows and fills in the template."""
