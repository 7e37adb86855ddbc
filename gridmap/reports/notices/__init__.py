"""The order of a control zone as an official document with its map, as an alert for partners, and as a feed."""
