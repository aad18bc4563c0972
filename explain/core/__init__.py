"""What every explainer and use shares: findings, answers, coverings, faithfulness, pictures."""
