"""Distillation: what a teacher says, kept once, and the loss of a student that hears it."""

from avtext.distill.loss import DistillSettings, Targets, Terms, check_same_task, distillation_terms, teaching
from avtext.distill.teacher import Teacher

__all__ = ["DistillSettings", "Targets", "Teacher", "Terms", "check_same_task", "distillation_terms", "teaching"]
