-- Nothing yet: the tables are generated after this.
DO 0;
