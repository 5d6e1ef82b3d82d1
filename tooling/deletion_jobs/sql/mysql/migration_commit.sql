SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
