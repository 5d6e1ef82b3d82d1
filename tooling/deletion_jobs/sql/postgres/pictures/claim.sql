-- Take the job that is due, as the loop does.
SELECT c.run_id, c.token::text AS token FROM deletion_claim(NULL, NULL) AS c
