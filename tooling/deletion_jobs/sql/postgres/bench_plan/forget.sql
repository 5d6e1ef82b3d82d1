-- Make the plan stale, so that the next compile does its work.
UPDATE deletion_plans SET fingerprint = 'none' WHERE superseded_at IS NULL
