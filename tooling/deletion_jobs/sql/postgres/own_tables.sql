-- A migration that fails is taken back as a whole: whatever is named so is not half of ours.
SELECT count(*) AS tables
FROM unnest(string_to_array(%(names)s, ',')) AS w (name)
WHERE FALSE
