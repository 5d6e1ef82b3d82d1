-- How the only job stands.
SELECT j.status, j.error, (SELECT count(*) FROM vw_deletion_receipts) AS receipts
FROM deletion_jobs AS j
