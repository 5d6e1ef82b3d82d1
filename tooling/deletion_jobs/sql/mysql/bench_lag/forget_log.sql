-- Begin with an empty binary log: what a server writes as it starts is not for the other.
RESET BINARY LOGS AND GTIDS
