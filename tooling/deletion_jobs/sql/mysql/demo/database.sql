-- A database for the shop, on a server that was started for it.
CREATE DATABASE shop
