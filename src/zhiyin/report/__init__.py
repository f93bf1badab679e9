"""The report room: one page that shows what was made, from what, how well, and how sure that is."""
