"""Recipes: python -m training.<recipe>. Imports models, never explain or ui."""
