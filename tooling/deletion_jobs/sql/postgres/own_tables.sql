-- A migration that fails is taken back as a whole: nothing can be left over.
SELECT 0 AS tables
