-- Give this session the settings that a worker's steps rest on.
CALL deletion_session(@bench_saved)
