"""From picks to events."""
