-- Nothing to be set: vacuum comes later, on all sides alike.
SELECT %(value)s::integer AS value
