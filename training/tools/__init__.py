"""What recipes share: loop, losses, teachers, export."""
