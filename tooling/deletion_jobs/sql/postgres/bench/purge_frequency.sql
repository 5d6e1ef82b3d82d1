-- Nothing to be set: vacuum comes later, on all sides alike.
SELECT 0 AS value
