-- Take away all that bench jobs has made.
DROP PROCEDURE IF EXISTS bench_sets;
DROP PROCEDURE IF EXISTS bench_insert;
DROP PROCEDURE IF EXISTS bench_enqueue;
DROP PROCEDURE IF EXISTS bench_restore;
DROP PROCEDURE IF EXISTS bench_fill;
DROP TABLE IF EXISTS bench_all_user_events, bench_all_user_payments, bench_all_user_items,
bench_all_user_orders, bench_all_users, bench_user_events, bench_user_payments,
bench_user_items, bench_user_orders, bench_users;
