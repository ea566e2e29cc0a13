"""What is done to the data: extract, transform, load. A stage takes an event and the files it names, and gives the next."""
