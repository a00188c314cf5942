"""What the three services and the order desk share."""
