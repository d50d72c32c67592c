"""Response bodies that the API, the pages and the commands share."""
