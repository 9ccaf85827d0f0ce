"""What devices say: the posted bytes become events, and each event its labels and its fingerprint.

Pure: no I/O, no clock, no framework; limits reach it as arguments. Everybody may call; it imports nothing of ours.
"""
