"""Tables, page and figures of a benchmark."""
