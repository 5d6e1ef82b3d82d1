-- The accounts that have been closed.
SELECT c.id
FROM customers AS c
WHERE c.closed_at IS NOT NULL
ORDER BY c.id
