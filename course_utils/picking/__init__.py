"""Phase picking on continuous data and records with any SeisBench model."""
