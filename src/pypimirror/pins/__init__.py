"""What deployments pin: reading pin files, and finding what it takes to build and run what they pin."""
