//! Attacks 19–21: what was approved is what runs; what is shown is what was bound; one parser.
