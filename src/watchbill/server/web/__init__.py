"""What every page needs: access, errors, live updates."""
