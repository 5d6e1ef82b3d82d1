-- Open a transaction that will be rolled back.
START TRANSACTION
