-- Write down what time it is at the client, in seconds.
UPDATE bench_beats SET beat = %(now)s WHERE id = 1
