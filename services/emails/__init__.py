"""E-mails: what happened here, told to customers, sellers and administrators."""
