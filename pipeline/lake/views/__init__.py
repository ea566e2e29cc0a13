"""Ready-made views, one `.sql` file each, over the views of the datasets."""
