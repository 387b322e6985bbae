"""Methods of the field that the network is measured against, given what the network is given and no more."""
