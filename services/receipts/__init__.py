"""Receipts and credit notes: numbered in the payment's transaction, drawn as PDF from the rows whenever one is asked for."""
