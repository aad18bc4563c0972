"""How far each explainer can be believed, measured for every shipped weight."""
