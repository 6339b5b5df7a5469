"""What ships: built, left out, rehearsed and measured before anything is deployed."""
