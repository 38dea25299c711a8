//! Attacks 53–57: budgets under races and kills, an edited record, a full disk, an edited vault, a restored backup.
