SET SESSION lock_wait_timeout = 2;
SET SESSION time_zone = '+00:00';
