"""Ways to ask a question of four choices, each an exact reproduction: wording, cue, answer token, shots, average."""
