"""Charts of the page as Bokeh figures; what they show comes from :mod:`deleverage.charts`."""
